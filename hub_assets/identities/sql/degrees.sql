with
ends as (
    select source as author from edges
    union all
    select target from edges
)

select author, count(*) as degree from ends
group by author
