insert into deliveries (callback_id, attempt, started_at, duration_ms, status, error, answer_head)
values (:callback_id, :attempt, :started_at, :duration_ms, :status, :error, :answer_head)
