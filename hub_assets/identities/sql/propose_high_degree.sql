-- rule (c) of the study, which reviewed all developers with ten or more edges by hand. These pairs go to review, too
with
reviewed as (
    select author from degrees
    where degree >= {{ high_degree }}
)

select compared.x, compared.y from compared
inner join features as a on compared.x = a.name
inner join features as b on compared.y = b.name
where
    compared.is_small
    and (compared.similarity >= {{ loosely_alike }} or {{ relation_a_b_similarity }} not in ('none', 'numbered'))
    and (
        compared.x in (select reviewed.author from reviewed)
        or compared.y in (select reviewed.author from reviewed)
    )
