select
    strings.author,
    strings.first_seen_date,
    authors.is_bot,
    authors.is_generic,
    authors.account_key,
    substr(sha256(strings.author), 1, {{ id_length }}) as own_id
from strings inner join authors on strings.author = authors.author
order by strings.first_seen_date, strings.first_seen_at, strings.author
