select all_features.* -- noqa: AM04
from all_features
where name in (
    select authors.author from authors
    where not authors.is_bot
)
