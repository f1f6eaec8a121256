select id from accounts limit 1
