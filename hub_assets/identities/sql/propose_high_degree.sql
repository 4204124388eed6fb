-- the study's rule (c): it reviewed all developers with ten or more edges by hand. These pairs go to review, too
select x, y from compared
inner join features as a on x = a.name
inner join features as b on y = b.name
where is_small
    and (similarity >= {{ loosely_alike }} or {{ relation_a_b_similarity }} not in ('none', 'numbered'))
    and (
        x in (select author from degrees where degree >= {{ high_degree }})
        or y in (select author from degrees where degree >= {{ high_degree }})
    )
