select * from all_features where name in (select full_name from authors where not is_bot)
