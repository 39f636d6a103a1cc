<resource schema="disco">
  <meta name="title">Made-up observations</meta>
  <meta name="creationDate">2026-01-01T00:00:00Z</meta>
  <meta name="description">ObsCore rows that a script makes, for tests of harvesters.</meta>
  <meta name="subject">surveys</meta>
  <meta name="creator">Tests</meta>

  <table id="obs" onDisk="True" adql="True">
    <mixin preview="NULL">//obscore#publishObscoreLike</mixin>
    <FEED source="//obscore#obscore-columns"/>
    <index columns="obs_publisher_did"/>
    <index columns="t_min"/>
  </table>

  <!-- The same columns and when a row was changed; tests fill it as they need it. -->
  <table id="changing" onDisk="True" adql="True">
    <FEED source="//obscore#obscore-columns"/>
    <column name="lastmodified" type="timestamp" ucd="time.processing" description="When the row was changed."/>
    <index columns="obs_publisher_did"/>
    <index columns="lastmodified"/>
  </table>

  <data id="import">
    <make table="obs"/>
    <make table="changing"/>
  </data>
</resource>
