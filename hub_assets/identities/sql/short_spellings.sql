select name, spelling from {{ spellings }}
union
select {{ name }}, concat(initial, last) from {{ features }}
where len(words) > 1 and length(last) >= 4
union
select {{ name }}, concat(last, initial) from {{ features }}
where len(words) > 1 and length(last) >= 4
