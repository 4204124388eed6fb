with
strings as (
    select pair, 'a' as side, author_a as author from {{ pairs }}
    union all
    select pair, 'b', author_b from {{ pairs }}
),

called as (
    select strings.pair, strings.side, contains(features.name, ' ') as is_real, false as is_full, features.*
    from strings inner join features on strings.author = features.name
    union all
    select strings.pair, strings.side, true, true, full_names.*
    from strings
    inner join authors on strings.author = authors.author
    inner join full_names on authors.full_name = full_names.name
)

select row_number() over () as comparison, one.pair, one as one, other as other -- noqa: RF02
from called as one
inner join called as other on one.pair = other.pair and one.side = 'a' and other.side = 'b'
