update tasks
set submission = :submission
where id = :id and claim = :claim
returning id
