with
names as (
    select author as name from all_authors
    union
    select full_name from last_answers
    where full_name is not null
    union
    select name from generic
)

select * from ({{ name_features }}) as described
