insert into links (path, file_path, expires_at)
select :path, :file_path, now() + :lifetime::interval
where (select count(*) from links where file_path = :file_path and expires_at > now()) < :links_max
returning path
