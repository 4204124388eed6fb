select
    pair,
    bool_or(is_initial and not is_rare)
    and not bool_or(relation in ('same', 'permuted') and not is_initial) as is_common
from related
group by pair
