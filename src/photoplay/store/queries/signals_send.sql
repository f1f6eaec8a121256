select pg_notify('photoplay_changes', :subject)
