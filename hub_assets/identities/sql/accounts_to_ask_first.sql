with
paired as (
    select author_a as author from pairs
    union all
    select author_b from pairs
),

non_accounts as (
    select presences.namespace, count(*) as n
    from presences inner join authors on presences.author = authors.author
    where authors.is_account is not true
    group by presences.namespace
),

beside as (
    select presences.author, non_accounts.n
    from presences inner join non_accounts on presences.namespace = non_accounts.namespace
    union all
    select features.name, non_accounts.n
    from features inner join non_accounts on features.name = non_accounts.namespace
),

ranked as (
    select author, 0 as place, count(*) as n from paired
    group by author
    union all
    select author, 1, sum(n) from beside
    group by author
)

select author from ranked
where author not in (select respelled.author from respelled)
group by author
order by min(place), max(n) desc, author
