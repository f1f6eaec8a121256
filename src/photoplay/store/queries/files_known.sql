select path from files where path = any(:paths)
