-- The queue's own word for who has picked what. A job that found nothing to claim is gone at once.
select queue_manager_id::text as worker, replace(entrypoint, 'generate-', '') as engine, count(*) as jobs
from pgqueuer
where status = 'picked' and entrypoint like 'generate-%'
group by 1, 2
order by 2, 1
