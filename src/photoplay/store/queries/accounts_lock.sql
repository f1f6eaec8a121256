select id from accounts where id = :id for update
