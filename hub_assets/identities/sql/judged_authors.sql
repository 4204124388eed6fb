with
known as (
    select kind, reason, {{ separated_name }} as name, lower(name) as exact from seed
),

named as (
    select
        author,
        {{ separated_author }} as name,
        regexp_replace(name, '-(ci|ci/?cd|bot)$', '') as stem
    from authors
),

listed as (
    select named.author, min(known.reason) as reason
    from named inner join known on known.name in (named.name, named.stem)
    where known.kind <> 'person'
    group by named.author
),

people as (
    select exact from known
    where kind = 'person'
),

judged as (
    select
        named.author,
        lower(named.author) in (select people.exact from people) as is_person,
        coalesce(listed.reason, {{ reasons }}) as reason,
        {{ hints }} as bot_hint
    from named left join listed on named.author = listed.author
)

select author, reason, bot_hint
from judged
where not is_person
order by author
