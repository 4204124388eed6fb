-- the surname may also be the first word of a name
with
named as (
    select first, last from features
    where len(words) > 1
    union
    select first, last from full_names
    where len(words) > 1
),

either as (
    select last as surname, first as given from named
    union
    select first, last from named
)

select surname
from either
where surname not in (select common_surnames.surname from common_surnames)
group by surname
having count(distinct case when length(given) > 1 then given end) <= {{ rare }}
