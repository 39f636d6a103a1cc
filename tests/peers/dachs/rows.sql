-- Makes :rows ObsCore rows in the empty table :table, the same ones each time, with what real tables have of oddities:
-- pairs of rows under one identifier whose times differ, rows without an identifier, rows without a time, and many rows
-- of one instant. The changing table keeps when a row was changed in its last column.
INSERT INTO :table (
  dataproduct_type, calib_level, obs_collection, obs_id, obs_title, obs_publisher_did, access_url, access_format,
  access_estsize, target_name, s_ra, s_dec, s_fov, s_region, s_resolution, t_min, t_max, t_exptime, em_min, em_max,
  em_res_power, o_ucd, facility_name, instrument_name, s_xel1, s_xel2, t_xel, em_xel)
SELECT
  (ARRAY['image', 'cube', 'spectrum', 'event'])[1 + n % 4],
  n % 4,
  mission,
  upper(mission) || lpad(n::text, 8, '0'),
  mission || ' observation of field ' || n % 9973,
  -- Each 200th row shares its identifier with the one before it, each 5000th has none.
  CASE WHEN n % 5000 = 4999 THEN NULL
       ELSE 'ivo://x-discovery-test/' || lower(mission) || '?' || lpad((n - (n % 200 = 199)::int)::text, 8, '0') END,
  'https://archive.example.org/data/' || lower(mission) || '/' || n || '.fits',
  'application/fits',
  1000 + n % 50000,
  'FIELD ' || n % 9973,
  ra, dec, 0.1,
  format('{(%sd,%sd),(%sd,%sd),(%sd,%sd)}', ra, dec, ra + 0.1, dec, ra, dec + 0.1)::spoly,
  0.1,
  start, start + 0.01, 600,
  5e-7, 1e-6, 3, 'phot.flux.density',
  mission, mission || '-CAM', 2048, 2048, 1, 1
FROM (
  SELECT n,
    -- Neighbours in pairs, so that the rows of one identifier are of one mission.
    (ARRAY['Hubble', 'Gaia', 'XMM-Newton', 'Herschel', 'ISO', 'Euclid', 'JWST', 'Integral'])[1 + n / 2 % 8] AS mission,
    round((n * 0.61803398875 * 360)::numeric % 359, 6)::float8 AS ra,
    round((n * 0.41421356237 * 160)::numeric % 160 - 80, 6)::float8 AS dec,
    -- Most lie within thirty years; an eighth is one instant, and each thousandth has none.
    CASE WHEN n % 1000 = 500 THEN NULL
         WHEN n / 2 % 8 = 5 THEN 60000.5
         ELSE round((48000 + (n * 0.7548776662 * 11000)::numeric % 11000)::numeric, 6)::float8 END AS start
  FROM generate_series(0, :rows - 1) AS n
) AS made;
ANALYZE :table;
