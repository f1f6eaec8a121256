select callback_secret, case when earlier_secret_until > clock_timestamp() then earlier_secret end as earlier_secret
from accounts
where id = :account_id
