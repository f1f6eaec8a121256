update deliveries
set duration_ms = :duration_ms, status = :status, error = :error,
    answer_head = :answer_head, answer_bytes = :answer_bytes, next_at = :next_at
where callback_id = :callback_id and attempt = :attempt
