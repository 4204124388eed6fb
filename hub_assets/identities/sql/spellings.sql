select {{ name }} as name, normal as spelling from {{ features }}
where length(normal) >= 3
union
select {{ name }}, concat(first, last) from {{ features }}
where len(words) > 1 and length(normal) >= 7
union
select {{ name }}, concat(last, first) from {{ features }}
where len(words) > 1 and length(normal) >= 7
union
select {{ name }}, array_to_string(list_sort(words), '') from {{ features }}
where len(words) > 2
