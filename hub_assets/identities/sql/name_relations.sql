select
    asked.pair,
    similarities.similarity,
    {{ relation_a_b_similarity }} as relation,
    greatest(len(a.words), len(b.words)) as n_words
from asked
inner join similarities on asked.pair = similarities.pair
inner join features as a on asked.author_a = a.name
inner join features as b on asked.author_b = b.name
