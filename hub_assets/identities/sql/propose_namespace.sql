-- a name not known to be an account, paired with a matching name in the same namespace. The namespace's owner also
-- matches if one name contains the other, or if the names differ only in digits
with
matching as (
    select distinct non_accounts.author as x, neighbors.author as y
    from non_accounts
    inner join short_spellings as one on non_accounts.author = one.name
    inner join neighbors on non_accounts.namespace = neighbors.namespace and non_accounts.author <> neighbors.author
    inner join short_spellings as other on neighbors.author = other.name and one.spelling = other.spelling
),

near as (
    select x, y, false as is_owner from matching
    union
    select non_accounts.author, features.name, true
    from non_accounts
    inner join features on non_accounts.namespace = features.name and non_accounts.author <> features.name
)

select near.x, near.y from near
inner join features as a on near.x = a.name
inner join features as b on near.y = b.name
where
    {{ relation_a_b }} in ('same', 'permuted', 'initial')
    or (near.is_owner and {{ relation_a_b }} in ('contained', 'numbered'))
