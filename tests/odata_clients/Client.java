// Reads the service with Apache Olingo, which no one here wrote; prints what it found as JSON.

import java.net.URI;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.http.impl.client.DefaultHttpClient;
import org.apache.olingo.client.api.ODataClient;
import org.apache.olingo.client.api.communication.request.retrieve.ODataEntitySetRequest;
import org.apache.olingo.client.api.domain.ClientEntity;
import org.apache.olingo.client.api.domain.ClientEntitySet;
import org.apache.olingo.client.api.domain.ClientInlineEntitySet;
import org.apache.olingo.client.core.ODataClientFactory;
import org.apache.olingo.client.core.http.DefaultHttpClientFactory;
import org.apache.olingo.commons.api.edm.Edm;
import org.apache.olingo.commons.api.edm.EdmEntitySet;
import org.apache.olingo.commons.api.format.ContentType;
import org.apache.olingo.commons.api.http.HttpMethod;

public class Client {
  private static ODataClient client;

  public static void main(String[] words) {
    String url = words[0];
    String token = words[1];
    client = ODataClientFactory.getClient();
    client.getConfiguration().setHttpClientFactory(new DefaultHttpClientFactory() {
      @Override
      public DefaultHttpClient create(HttpMethod method, URI uri) {
        DefaultHttpClient made = super.create(method, uri);
        made.addRequestInterceptor(
            (request, context) -> request.addHeader("Authorization", "Bearer " + token));
        return made;
      }
    });
    client.getConfiguration().setDefaultPubFormat(ContentType.JSON_FULL_METADATA);
    Edm edm = client.getRetrieveRequestFactory().getMetadataRequest(url).execute().getBody();
    List<String> sets = new ArrayList<>();
    for (EdmEntitySet set : edm.getEntityContainer().getEntitySets()) {
      sets.add(set.getName());
    }
    Collections.sort(sets);
    URI all = client.newURIBuilder(url).appendEntitySetSegment("Customer").build();
    URI some = client.newURIBuilder(url).appendEntitySetSegment("Customer")
        .filter("Points gt 2 and EMail ne 'c@x'").orderBy("Points desc").top(3).build();
    URI two = client.newURIBuilder(url).appendEntitySetSegment("Customer")
        .filter("Points eq 2").build();
    URI one = client.newURIBuilder(url).appendEntitySetSegment("Customer")
        .filter("EMail eq 'p1@x'").expand("UnifiedActivity").build();
    List<String> titles = new ArrayList<>();
    for (ClientEntity customer : read(one)) {
      ClientInlineEntitySet link =
          (ClientInlineEntitySet) customer.getNavigationLink("UnifiedActivity");
      for (ClientEntity entry : link.getEntitySet().getEntities()) {
        titles.add(text(entry, "Title"));
      }
    }
    Collections.sort(titles);
    System.out.println("{\"sets\":" + texts(sets) + ",\"everyone\":" + texts(all(all, "CustomerId"))
        + ",\"points\":[" + String.join(",", all(some, "Points")) + "],\"spent\":"
        + texts(all(two, "Spent")) + ",\"titles\":" + texts(titles) + "}");
  }

  private static List<ClientEntity> read(URI uri) {
    List<ClientEntity> found = new ArrayList<>();
    for (URI next = uri; next != null;) {
      ODataEntitySetRequest<ClientEntitySet> request =
          client.getRetrieveRequestFactory().getEntitySetRequest(next);
      request.setPrefer("odata.maxpagesize=4");
      ClientEntitySet page = request.execute().getBody();
      found.addAll(page.getEntities());
      next = page.getNext();
    }
    return found;
  }

  private static List<String> all(URI uri, String name) {
    List<String> found = new ArrayList<>();
    for (ClientEntity entity : read(uri)) {
      found.add(text(entity, name));
    }
    return found;
  }

  private static String text(ClientEntity entity, String name) {
    return entity.getProperty(name).getPrimitiveValue().toString();
  }

  private static String texts(List<String> values) {
    return values.isEmpty() ? "[]" : "[\"" + String.join("\",\"", values) + "\"]";
  }
}
