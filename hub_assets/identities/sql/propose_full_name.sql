-- a name not known to be an account, and an account with that full name anywhere, or near by one that spells it
with
rare as (
    select normal from bearers where len(words) > 1 group by normal having count(*) <= {{ most_twins }}
),
spelt as (
    select distinct free.author as x, around.author as y
    from free
    inner join short_spellings as one on free.author = one.name
    inner join around on free.namespace = around.namespace and free.author <> around.author
    inner join short_full_spellings as other on around.author = other.name and one.spelling = other.spelling
)
select features.name as x, bearers.author as y
from features
inner join authors on features.name = authors.author
inner join bearers on features.normal = bearers.normal
inner join rare on bearers.normal = rare.normal
where authors.is_account is not true
union
select x, y from spelt
inner join features as a on x = a.name
inner join bearers as b on y = b.author
where {{ relation_a_b }} in ('same', 'permuted', 'initial')
