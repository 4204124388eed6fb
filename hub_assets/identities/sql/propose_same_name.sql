-- the same name, or the same words in another order, in any repository, unless both are accounts
with
common as (
    select spelling from spellings
    group by spelling
    having count(*) > {{ most_twins }}
),

commonly_named as (
    select spellings.name from spellings inner join common on spellings.spelling = common.spelling
),

rare as (
    select name, spelling from spellings
    where name not in (select commonly_named.name from commonly_named)
)

select one.name as x, other.name as y
from rare as one
inner join rare as other on one.spelling = other.spelling and one.name < other.name
inner join authors as a on one.name = a.author
inner join authors as b on other.name = b.author
where not (coalesce(a.is_account, false) and coalesce(b.is_account, false))
