select reason, note, credits
from postings
where movement_id = :movement_id and reason in ('grant', 'correct') and book = 'available'
