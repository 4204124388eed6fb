-- a name not known to be an account, paired with an account that displays that name as its full name, or with an
-- account in the same namespace whose full name matches in another spelling
with
rare as (
    select normal from author_full_names
    where len(words) > 1
    group by normal
    having count(*) <= {{ most_twins }}
),

matching as (
    select distinct non_accounts.author as x, neighbors.author as y
    from non_accounts
    inner join short_spellings as one on non_accounts.author = one.name
    inner join neighbors on non_accounts.namespace = neighbors.namespace and non_accounts.author <> neighbors.author
    inner join short_full_spellings as other on neighbors.author = other.name and one.spelling = other.spelling
)

select features.name as x, author_full_names.author as y
from features
inner join authors on features.name = authors.author
inner join author_full_names on features.normal = author_full_names.normal
inner join rare on author_full_names.normal = rare.normal
where authors.is_account is not true
union
select matching.x, matching.y from matching
inner join features as a on matching.x = a.name
inner join author_full_names as b on matching.y = b.author
where {{ relation_a_b }} in ('same', 'permuted', 'initial')
