with ranked as (
    select
        pair,
        min(list_position([{{ closest }}], relation)) as place,
        arg_min(n_words, (coalesce(list_position([{{ closest }}], relation), 99), -n_words)) as n_words,
        bool_or(are_real) as are_real
    from related
    where is_full
    group by pair
)
select
    pair,
    case
        when place is not null then [{{ closest }}][place]
        when are_real then 'contradicts'
        else 'none'
    end as relation,
    n_words
from ranked
