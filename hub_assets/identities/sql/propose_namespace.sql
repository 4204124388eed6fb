-- a name that is not known to be an account, and another one of the namespace that spells it, or the owner's that
-- holds it
with
spelt as (
    select distinct free.author as x, around.author as y
    from free
    inner join short_spellings as one on free.author = one.name
    inner join around on free.namespace = around.namespace and free.author <> around.author
    inner join short_spellings as other on around.author = other.name and one.spelling = other.spelling
),
near as (
    select x, y, false as is_owner from spelt
    union
    select free.author, features.name, true
    from free inner join features on free.namespace = features.name and free.author <> features.name
)
select x, y from near
inner join features as a on x = a.name
inner join features as b on y = b.name
where {{ relation_a_b }} in ('same', 'permuted', 'initial')
    or (is_owner and {{ relation_a_b }} in ('contained', 'numbered'))
