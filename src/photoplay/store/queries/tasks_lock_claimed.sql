select * from tasks where id = :id and claim = :claim for update
