select
    comparisons.pair,
    {{ relation }} as relation,
    relation = 'initial' or (
        relation in ('same', 'permuted')
        and ({{ is_initial_one }} or {{ is_initial_other }})
    ) as is_initial,
    {{ is_rare_one }} and {{ is_rare_other }} as is_rare,
    one.is_full or other.is_full as is_full, -- noqa: RF01
    greatest(len(one.words), len(other.words)) as n_words, -- noqa: RF01
    one.is_real and other.is_real and len(one.words) > 1 and len(other.words) > 1 as are_real -- noqa: RF01
from comparisons
inner join compared_names on comparisons.comparison = compared_names.pair
