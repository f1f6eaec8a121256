-- Only what a caller can see counts as an update.
update tasks
set lease_until = clock_timestamp() + :lease::interval,
    progress = greatest(progress, :progress), stage = :stage,
    updated_at = case
        when progress < :progress or stage is distinct from :stage then clock_timestamp() else updated_at
    end
where id = :id and claim = :claim
returning cancel_asked
