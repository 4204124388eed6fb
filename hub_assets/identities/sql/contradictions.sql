select any_value(held.author_a) as author_a, any_value(held.author_b) as author_b
from held inner join related on held.pair = related.pair
where related.are_real
group by held.pair
having bool_and(related.relation in ('none', 'numbered'))
