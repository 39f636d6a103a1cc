import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/** One node of Elasticsearch, configured by HOME/config: `Server HOME` prints its address when it answers. */
public final class Server {
    public static void main(String[] args) throws Exception {
        var out = System.out; // which the server turns into a log
        // Before anything else: classes of the server log while they are loaded.
        LogConfigurator.configureESLogging();
        var home = Path.of(args[0]);
        var settings = Settings.builder().put("path.home", home).build();
        var environment = InternalSettingsPreparer.prepareEnvironment(
            settings, Map.of(), home.resolve("config"), () -> "test");
        LogConfigurator.setNodeName("test");
        LogConfigurator.registerErrorListener();
        LogConfigurator.configure(environment, true);
        var modules = PluginsLoader.loadModulesBundles(environment.modulesDir(), true);
        // Not closed on the way out: whoever ends this process throws the data away.
        var node = new Node(environment, PluginsLoader.createPluginsLoader(modules, Set.of(), Map.of())).start();
        var http = node.injector().getInstance(HttpServerTransport.class);
        out.println("http://127.0.0.1:" + http.boundAddress().publishAddress().getPort());
        Thread.currentThread().join();
    }
}
