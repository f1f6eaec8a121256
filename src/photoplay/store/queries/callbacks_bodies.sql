select id, body from callbacks where id = any(:ids)
