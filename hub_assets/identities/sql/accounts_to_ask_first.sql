with
paired as (
    select author_a as author from pairs
    union all
    select author_b from pairs
),
free as (
    select presences.namespace, count(*) as n
    from presences inner join authors on presences.author = authors.author
    where authors.is_account is not true
    group by presences.namespace
),
beside as (
    select presences.author, free.n
    from presences inner join free on presences.namespace = free.namespace
    union all
    select features.name, free.n
    from features inner join free on features.name = free.namespace
),
ranked as (
    select author, 0 as place, count(*) as n from paired group by author
    union all
    select author, 1, sum(n) from beside group by author
)
select author from ranked
where author not in (select author from respelt)
group by author
order by min(place), max(n) desc, author
