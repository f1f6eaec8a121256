select distinct host from callbacks
where account_id = :account_id
  and (task_id = :task_id or state in ('gone', 'exhausted') and concluded_at >= :failed_since)
order by host
