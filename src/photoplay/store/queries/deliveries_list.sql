select * from deliveries where callback_id = any(:callback_ids) order by callback_id, attempt
