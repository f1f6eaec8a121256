select id from keys where id = :id for update
