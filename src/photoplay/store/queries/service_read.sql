select mode, changed_by, changed_at from service
