-- The invented city's settlement rule of 2026 as somebody would write it by hand, over the table facts.
SELECT sum(total), count(*) FILTER (passes)
FROM (
  SELECT total,
    (pension_months >= 84 OR skill_level IN ('senior', 'technician', 'senior_technician')) IS TRUE
      AND has_own_home IS TRUE AND total >= 70 AS passes
  FROM (
    SELECT pension_months, skill_level, has_own_home,
      least(coalesce(pension_months, 0) // 12 * 3, 60)
      + least(coalesce(housing_fund_months, 0) // 12, 10)
      + greatest(CASE WHEN has_own_home THEN 20 ELSE 0 END, least(coalesce(rent_months, 0) // 12 * 2, 16))
      + least(coalesce(registered_months, 0) // 12 * 2, 20)
      + CASE education WHEN 'senior' THEN 10 WHEN 'college' THEN 25 WHEN 'bachelor' THEN 40 WHEN 'master' THEN 50
             WHEN 'doctor' THEN 60 ELSE 0 END
      + CASE skill_level WHEN 'middle' THEN 5 WHEN 'senior' THEN 10 WHEN 'technician' THEN 15
             WHEN 'senior_technician' THEN 20 ELSE 0 END
      + CASE WHEN born_on > DATE '1980-07-03' THEN 20 ELSE 0 END
      + CASE WHEN income_tax_fen >= 6000000 THEN 12 WHEN income_tax_fen >= 2000000 THEN 8
             WHEN income_tax_fen >= 500000 THEN 4 ELSE 0 END AS total
    FROM facts
  )
)
