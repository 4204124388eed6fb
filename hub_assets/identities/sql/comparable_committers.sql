with
committers as (
    select participations.repo, features.name, features.normal, length(features.normal) as size
    from participations inner join features on participations.author = features.name
    where participations.is_committer
),

counted as (
    select repo, count(*) as n from committers
    group by repo
)

select
    one.name as x, other.name as y, any_value(one.normal) as normal_x, any_value(other.normal) as normal_y,
    bool_or(counted.n <= {{ most_looked_at }}) as is_small
from committers as one
inner join committers as other on one.repo = other.repo and one.name < other.name
inner join counted on one.repo = counted.repo
where
    2 * least(one.size, other.size)
    >= case when counted.n <= {{ most_looked_at }} then {{ loosely_alike }} else {{ alike }} end
    * (one.size + other.size)
group by one.name, other.name
