select all_features.* -- noqa: AM04
from all_features
where name in (
    select authors.full_name from authors
    where not authors.is_bot
)
