"""PostgreSQL: migrations, one SQL file a statement, one module a table family."""
