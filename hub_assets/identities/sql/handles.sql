select namespace as author from all_participations
where namespace is not null
union
select handle from all_trailers
