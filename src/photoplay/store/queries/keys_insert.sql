insert into keys (id, account_id, prefix, sha256) values (:id, :account_id, :prefix, :sha256)
