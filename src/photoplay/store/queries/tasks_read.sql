select * from tasks where id = :id
