select
    first_appearances.author,
    first_appearances.first_seen_date,
    authors.is_bot,
    authors.is_generic,
    authors.account_key,
    substr(sha256(first_appearances.author), 1, {{ id_length }}) as own_id
from first_appearances
inner join authors on first_appearances.author = authors.author
order by first_appearances.first_seen_date, first_appearances.first_seen_at, first_appearances.author
