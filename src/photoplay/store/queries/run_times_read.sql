select seconds from run_times where engine = :engine and model = :model and size = :size
